// The page is served here; long polling was turned off, and the page begins with it.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const { Server } = require("socket.io");

// --- the mistake
const io = new Server(httpServer, {
  transports: ["websocket"]
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
