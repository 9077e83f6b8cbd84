// The page joins /admin.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const io = require("socket.io")(httpServer);

// --- the mistake
io.of("/Admin").on("connection", (socket) => {
  console.log("connected", socket.id);
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
