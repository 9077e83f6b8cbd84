// The page gives its token as auth; the middleware looks for a header.

const { createServer } = require("http");
const { Server } = require("socket.io");

const httpServer = createServer((req, res) => res.end("chat"));

const io = new Server(httpServer, {
  cors: { origin: "http://localhost:5173" }
});

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
