// The page is served here; whose page may connect was written for another host.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const { Server } = require("socket.io");

// --- the mistake
const io = new Server(httpServer, {
  allowRequest: (req, callback) => {
    callback(null, req.headers.origin === "https://chat.example");
  }
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
