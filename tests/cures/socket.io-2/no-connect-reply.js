// A middleware that is async and forgets next.

const httpServer = require("http").createServer((req, res) => res.end("chat"));
const io = require("socket.io")(httpServer);

// --- the mistake
io.use(async (socket, next) => {
  socket.since = await Promise.resolve(Date.now());
});
// --- the end of it

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
