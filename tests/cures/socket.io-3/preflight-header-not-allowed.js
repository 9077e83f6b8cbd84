// The page sends my-custom-header since last week.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const { Server } = require("socket.io");

// --- the mistake
const io = new Server(httpServer, {
  cors: {
    origin: "http://localhost:5173",
    allowedHeaders: ["Content-Type", "Authorization"]
  }
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
