// One Socket.IO server, or one that is taken for one. See tests/servers/node.py for what the configuration holds.
//
//   node server.js '{"version": "4.8", "options": "{cors: {origin: /example/}}", "setup": "", "mode": "express", …}'
//
// Prints "READY <port>" once it listens on 127.0.0.1, and ends when its standard input does, so that it never
// outlives the tests.

"use strict";

const cluster = require("cluster");
const fs = require("fs");
const http = require("http");
const https = require("https");

const config = JSON.parse(process.argv[2]);

const PACKAGES = {
  1.7: "socket.io-1.7",
  "2.0": "socket.io-2.0",
  2.4: "socket.io-2.4",
  2.5: "socket.io-2",
  "3.0": "socket.io-3.0",
  3.1: "socket.io-3",
  "4.0": "socket.io-4.0",
  4.8: "socket.io-4",
};

function evaluate(source, names = {}) {
  return new Function(...Object.keys(names), `return (${source});`)(...Object.values(names));
}

async function run(source, names) {
  const AsyncFunction = (async () => {}).constructor;
  await new AsyncFunction(...Object.keys(names), source)(...Object.values(names));
}

function createServer(...handler) {
  if (config.key === null) return http.createServer(...handler);
  const tls = { key: fs.readFileSync(config.key), cert: fs.readFileSync(config.certificate) };
  return https.createServer(tls, ...handler);
}

/** A gateway of NestJS, as `@WebSocketGateway(options)` makes one; its Socket.IO is the newest. */
async function nest(options) {
  require("reflect-metadata");
  const { Module } = require("@nestjs/common");
  const { NestFactory } = require("@nestjs/core");
  const { WebSocketGateway } = require("@nestjs/websockets");
  class Gateway {}
  WebSocketGateway(options)(Gateway);
  class Application {}
  Module({ providers: [Gateway] })(Application);
  const app = await NestFactory.create(Application, { logger: false });
  await run(config.setup, { app, require });
  await app.init();
  return app.getHttpServer();
}

/** The HTTP server of `config.mode`, set up but not yet listening; `listen(port, host, then)` is what is returned. */
async function build() {
  const express = require("express");
  const cors = require("cors");
  const options = evaluate(config.options, { require });

  if (config.mode === "ws-only") {
    const server = createServer();
    const { WebSocketServer } = require("ws");
    const http426 = (request, response) => {
      response.writeHead(426, { "Content-Type": "text/plain", "Content-Length": 16 });
      response.end("Upgrade Required");
    };
    server.on("request", http426);
    const wss = new WebSocketServer({ server, ...options });
    wss.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
    await run(config.setup, { wss, server, http, require });
    return server;
  }

  if (config.mode === "engine-only") {
    const server = createServer();
    const engine = require("engine.io").attach(server, { path: "/socket.io/", ...options });
    await run(config.setup, { engine, server, http, require });
    return server;
  }

  if (config.mode === "nest") return nest(options);

  if (config.mode === "spa" || config.mode === "plain") {
    const app = express();
    const server = createServer(app);
    await run(config.setup, { app, server, http, express, cors, require });
    if (config.mode === "spa") app.use((request, response) => response.send("<!doctype html><title>App</title>"));
    else app.get("/", (request, response) => response.send("<h1>Hello</h1>"));
    return server;
  }

  const app = express();
  const server = config.mode === "bare" ? createServer() : createServer(app);
  const io = require(PACKAGES[config.version])(server, options);
  await run(config.setup, { io, app, server, http, express, cors, require });
  app.get("/", (request, response) => response.send("<h1>Hello</h1>"));
  if (config.sticky) require("@socket.io/sticky").setupWorker(io);
  // The mistake of "app-listen": express makes an HTTP server of its own, and io is attached to the other one.
  return config.mode === "app-listen" ? app : server;
}

async function serve(ready) {
  const listener = await build();
  const server = listener.listen(0, "127.0.0.1", () => ready(server.address().port));
}

if (config.sticky && cluster.isMaster) {
  // The master reads the first request of each connection, and hands the connection to the worker that has its session.
  const server = http.createServer();
  cluster.setupPrimary({ serialization: "advanced" });
  require("@socket.io/sticky").setupMaster(server, { loadBalancingMethod: "round-robin" });
  let ready = 0;
  cluster.on("message", (worker, message) => {
    if (message !== "ready") return;
    ready += 1;
    if (ready === config.workers) {
      server.listen(0, "127.0.0.1", () => console.log(`READY ${server.address().port}`));
    }
  });
  cluster.on("exit", () => process.exit(1));
  for (let i = 0; i < config.workers; i += 1) cluster.fork();
} else if (config.sticky) {
  build().then(() => process.send("ready"));
} else if (config.workers > 1 && cluster.isMaster) {
  // Connections go to the workers in turn: no stickiness at all. Port 0 is the same port in each of them.
  cluster.schedulingPolicy = cluster.SCHED_RR;
  let listening = 0;
  cluster.on("listening", (worker, address) => {
    listening += 1;
    if (listening === config.workers) console.log(`READY ${address.port}`);
  });
  cluster.on("exit", () => process.exit(1));
  for (let i = 0; i < config.workers; i += 1) cluster.fork();
} else {
  serve((port) => cluster.isMaster && console.log(`READY ${port}`)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

if (cluster.isMaster) {
  process.stdin.on("end", () => process.exit(0));
  process.stdin.resume();
}
