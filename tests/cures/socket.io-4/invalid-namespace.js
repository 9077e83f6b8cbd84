// The page joins /admin.

const { createServer } = require("http");
const { Server } = require("socket.io");

const httpServer = createServer((req, res) => res.end("chat"));

const io = new Server(httpServer, {
  cors: { origin: "http://localhost:5173" }
});

// --- the mistake
io.of("/Admin").on("connection", (socket) => {
  console.log("connected", socket.id);
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
