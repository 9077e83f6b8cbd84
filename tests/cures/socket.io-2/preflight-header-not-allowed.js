// Preflights are answered, but the page's new header is not listed.

const app = require("express")();
const httpServer = require("http").createServer(app);

// --- the mistake
const io = require("socket.io")(httpServer, {
  handlePreflightRequest: (req, res) => {
    res.writeHead(200, {
      "Access-Control-Allow-Headers": "Content-Type, Authorization",
      "Access-Control-Allow-Origin": req.headers.origin,
      "Access-Control-Allow-Credentials": true
    });
    res.end();
  }
});
// --- the end of it

app.get("/", (req, res) => res.send("<h1>chat</h1>"));

io.on("connection", (socket) => {
  socket.on("message", (text) => io.emit("message", text));
});

httpServer.listen(process.env.PORT || 3000);
