// A middleware that is async and forgets next.

const { createServer } = require("http");
const { Server } = require("socket.io");

const httpServer = createServer((req, res) => res.end("chat"));

const io = new Server(httpServer, {
  cors: { origin: "http://localhost:5173" }
});

// --- the mistake
io.use(async (socket, next) => {
  socket.since = await Promise.resolve(Date.now());
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
