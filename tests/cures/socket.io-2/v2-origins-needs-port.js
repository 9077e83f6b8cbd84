// The page is http://localhost, on the port that no URL shows.

const app = require("express")();
const httpServer = require("http").createServer(app);

// --- the mistake
const io = require("socket.io")(httpServer, {
  origins: ["http://localhost"]
});
// --- the end of it

app.get("/", (req, res) => res.send("<h1>chat</h1>"));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
