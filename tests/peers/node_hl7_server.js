// node-hl7-server on a loopback port: acknowledges each message with AA. Prints the port.
const net = require("net");
const { Server } = require("node-hl7-server");

const free = net.createServer().listen(0, "127.0.0.1", () => {
  const { port } = free.address();
  free.close(() => {
    const server = new Server({ bindAddress: "127.0.0.1" });
    const inbound = server.createInbound({ port }, async (_request, response) => {
      await response.sendResponse("AA");
    });
    inbound.on("listen", () => console.log(port));
  });
});
