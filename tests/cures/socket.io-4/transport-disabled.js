// The page is served elsewhere; long polling was turned off, and the page begins with it.

const express = require("express");
const { createServer } = require("http");
const { Server } = require("socket.io");

const app = express();
const httpServer = createServer(app);

// --- the mistake
const io = new Server(httpServer, {
  cors: {
    origin: "http://localhost:5173"
  },
  transports: ["websocket"]
});
// --- the end of it

app.get("/", (req, res) => res.send("<h1>chat</h1>"));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
