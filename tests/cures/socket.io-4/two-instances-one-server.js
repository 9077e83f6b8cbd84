// Two modules of the project each made a server for the same port: the chat's, and the notifications'.

const { createServer } = require("http");
const { Server } = require("socket.io");

const httpServer = createServer((req, res) => res.end("chat"));

// --- the mistake
const io = new Server(httpServer, {
  cors: { origin: "http://localhost:5173" }
});

const notifications = new Server(httpServer, {
  cors: { origin: "http://localhost:5173" }
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
