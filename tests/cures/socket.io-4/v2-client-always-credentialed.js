// Everybody may connect, clients of version 2 too; those send cookies, and * is not for cookies.

const express = require("express");
const { createServer } = require("http");
const { Server } = require("socket.io");

const app = express();
const httpServer = createServer(app);

// --- the mistake
const io = new Server(httpServer, {
  allowEIO3: true,
  cors: {
    origin: "*"
  }
});
// --- the end of it

app.get("/", (req, res) => res.send("<h1>chat</h1>"));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
