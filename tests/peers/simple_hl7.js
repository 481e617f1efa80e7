// simple-hl7 on a loopback port: acknowledges each message with AA. Prints the port.
const net = require("net");
const hl7 = require("simple-hl7");

const free = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = free.address();
  free.close(() => {
    const app = hl7.tcp();
    app.use((_request, response, _next) => response.end());
    app.start(port);
    const ask = () =>
      net
        .connect(port, "127.0.0.1", function () {
          this.destroy();
          console.log(port);
        })
        .on("error", () => setTimeout(ask, 20));
    ask();
  });
});
