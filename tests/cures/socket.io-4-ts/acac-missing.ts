// The page was told withCredentials; the server was not told of it.

import express from "express";
import { createServer } from "http";
import { Server } from "socket.io";

interface ServerToClientEvents {
  message: (text: string) => void;
}

const app = express();
const httpServer = createServer(app);

// --- the mistake
const io = new Server(httpServer, {
  cors: {
    origin: "http://localhost:5173"
  }
});
// --- the end of it

app.get("/", (req, res) => {
  res.send("<h1>chat</h1>");
});

io.on("connection", (socket) => {
  socket.on("message", (text: string) => io.emit("message", text));
});

httpServer.listen(Number(process.env.PORT ?? 3000));
