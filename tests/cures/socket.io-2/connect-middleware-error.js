// The page gives its token in the query; the middleware looks for a header.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const io = require("socket.io")(httpServer);

// --- the mistake
io.use((socket, next) => {
  const token = socket.handshake.headers.authorization;
  next(token ? undefined : new Error("not authorized"));
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
