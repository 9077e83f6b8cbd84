// The page is opened as localhost; the list has 127.0.0.1.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const { Server } = require("socket.io");

// --- the mistake
const io = new Server(httpServer, {
  cors: {
    origin: ["http://127.0.0.1:5173"]
  }
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
