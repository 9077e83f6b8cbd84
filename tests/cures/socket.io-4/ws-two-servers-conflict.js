// A WebSocket server for devices on the same port.

const { createServer } = require("http");
const { Server } = require("socket.io");
const { WebSocketServer } = require("ws");

const httpServer = createServer((req, res) => res.end("chat"));

const io = new Server(httpServer, {
  cors: { origin: "http://localhost:5173" }
});

// --- the mistake
const wss = new WebSocketServer({ server: httpServer });
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
