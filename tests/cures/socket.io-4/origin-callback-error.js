// An origin that is not on the list is an error, as in the documentation of the cors package.

const express = require("express");
const { createServer } = require("http");
const { Server } = require("socket.io");

const app = express();
const httpServer = createServer(app);

// --- the mistake
const whitelist = ["http://localhost:3000", "https://chat.example"];

const io = new Server(httpServer, {
  cors: {
    origin: (origin, callback) => {
      if (whitelist.includes(origin)) {
        callback(null, true);
      } else {
        callback(new Error("Not allowed by CORS"));
      }
    }
  }
});
// --- the end of it

app.get("/", (req, res) => res.send("<h1>chat</h1>"));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
