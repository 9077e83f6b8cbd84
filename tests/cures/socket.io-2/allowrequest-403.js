// Who may connect is asked of a function that knows another page.

const app = require("express")();
const httpServer = require("http").createServer(app);

// --- the mistake
const io = require("socket.io")(httpServer, {
  allowRequest: (req, callback) => {
    callback(null, req.headers.origin === "http://localhost:3000");
  }
});
// --- the end of it

app.get("/", (req, res) => res.send("<h1>chat</h1>"));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
