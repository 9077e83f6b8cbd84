// The page was told withCredentials; the server was not told of it.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const { Server } = require("socket.io");

// --- the mistake
const io = new Server(httpServer, {
  cors: {
    origin: "http://localhost:5173"
  }
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
