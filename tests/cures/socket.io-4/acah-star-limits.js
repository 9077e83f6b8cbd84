// The page sends cookies and a header of its own; with cookies, * allows no header.

const express = require("express");
const { createServer } = require("http");
const { Server } = require("socket.io");

const app = express();
const httpServer = createServer(app);

// --- the mistake
const io = new Server(httpServer, {
  cors: {
    origin: "http://localhost:5173",
    credentials: true,
    allowedHeaders: "*"
  }
});
// --- the end of it

app.get("/", (req, res) => res.send("<h1>chat</h1>"));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
