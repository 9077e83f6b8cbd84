// The chat's server. app.listen() is what every tutorial of Express ends with.

const express = require("express");
const { Server } = require("socket.io");

const app = express();
app.get("/", (req, res) => res.send("<h1>chat</h1>"));

const httpServer = require("http").createServer(app);
const io = new Server(httpServer, {
  cors: { origin: "http://localhost:5173" }
});

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

// --- the mistake
app.listen(process.env.PORT || 3000);
// --- the end of it
