// Runs one file of a pair as if it stood in a project that has socket.io of that version:
//
//   node run.js FILE socket.io-4 NODE_MODULES
//
// A .ts file is transpiled as Nest's and tsc's own projects do it. Ends when its standard input does.

"use strict";

const fs = require("fs");
const Module = require("module");
const path = require("path");

const [file, socketIo, modules] = process.argv.slice(2);
const main = path.resolve(file);

const find = Module._resolveFilename;
Module._resolveFilename = function (name, parent, isMain, options) {
  if (!parent || parent.filename !== main || name.startsWith(".")) return find.call(this, name, parent, isMain, options);
  return find.call(this, name === "socket.io" ? socketIo : name, parent, isMain, { paths: [modules] });
};

require.extensions[".ts"] = (module, filename) => {
  const ts = require(path.join(modules, "typescript"));
  const compilerOptions = {
    module: ts.ModuleKind.CommonJS,
    target: ts.ScriptTarget.ES2022,
    esModuleInterop: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
  };
  const source = fs.readFileSync(filename, "utf8");
  const { outputText, diagnostics } = ts.transpileModule(source, { compilerOptions, fileName: filename, reportDiagnostics: true });
  for (const { messageText } of diagnostics) throw new SyntaxError(`${filename}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
  module._compile(outputText, filename);
};

process.stdin.on("end", () => process.exit(0));
process.stdin.resume();
require(main);
