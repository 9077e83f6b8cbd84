// What socket.io-client does in a page on its first attempt, step by step as sio_doctor/browser/client.py has it, and
// no more: its bundle is not shipped. Returns {connects, transport, error, polling, websocket}; polling and websocket
// say whether the page could read the handshake and open a WebSocket, and are null where it did not come to that.
async (plan) => {
  const report = { polling: null, websocket: null };

  let stamp = 0;
  const polling = (sid) => `${plan.polling}&t=${plan.nonce}${stamp++}` + (sid ? `&sid=${encodeURIComponent(sid)}` : "");
  const send = (sid, body) =>
    new Promise((resolve) => {
      const request = new XMLHttpRequest();
      const headers = [...plan.headers];
      if (body !== undefined) headers.push(["Content-type", "text/plain;charset=UTF-8"]);
      headers.push(["Accept", "*/*"]);
      try {
        request.open(body === undefined ? "GET" : "POST", polling(sid));
        request.withCredentials = plan.credentials;
        request.timeout = plan.timeout;
        for (const [name, value] of headers) {
          try {
            request.setRequestHeader(name, value);
          } catch {
            // The client goes on without it.
          }
        }
        request.onload = () => resolve({ status: request.status, text: request.responseText });
        request.onerror = () => resolve({ status: 0 });
        request.ontimeout = () => resolve({ status: 0, late: true });
        request.send(body);
      } catch {
        resolve({ status: 0 });
      }
    });

  // A WebSocket whose messages are waited for one by one; a message of null is its end, or silence for too long.
  const open = (url) =>
    new Promise((resolve) => {
      const inbox = [];
      const waiting = [];
      const put = (item) => (waiting.length ? waiting.shift()(item) : inbox.push(item));
      const connection = { opened: false, failed: false, close() {}, send() {} };
      connection.next = () =>
        inbox.length
          ? Promise.resolve(inbox.shift())
          : new Promise((take) => {
              waiting.push(take);
              setTimeout(() => take(null), plan.timeout);
            });
      try {
        const socket = new WebSocket(url);
        socket.onopen = () => {
          connection.opened = true;
          resolve(connection);
        };
        socket.onmessage = (event) => put(event.data);
        socket.onerror = () => (connection.failed = true);
        socket.onclose = () => {
          put(null);
          resolve(connection);
        };
        connection.send = (text) => socket.send(text);
        connection.close = () => socket.close();
        setTimeout(() => resolve(connection), plan.timeout);
      } catch (error) {
        connection.thrown = error.message;
        resolve(connection);
      }
    });

  const decode = (payload) => {
    if (plan.protocol === 4) return payload.split("\x1e");
    const packets = [];
    while (payload) {
      const length = /^(\d+):/.exec(payload);
      if (!length) return null;
      packets.push(payload.slice(length[0].length, length[0].length + Number(length[1])));
      payload = payload.slice(length[0].length + Number(length[1]));
    }
    return packets;
  };
  const encode = (packet) => (plan.protocol === 4 ? packet : `${packet.length}:${packet}`);

  const json = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  };
  const opening = (packet) => {
    const data = typeof packet === "string" && packet[0] === "0" ? json(packet.slice(1)) : undefined;
    return data && typeof data.sid === "string" ? data : null;
  };

  // What the packet says about CONNECT; null where it is about something else. Alive: the session goes on.
  const joined = (packet) => {
    const parts = /^4([04])(?:(\/[^,?]*)[^,]*,?)?(.*)$/s.exec(packet);
    if (!parts || (parts[2] || "/") !== plan.namespace) return null;
    const data = json(parts[3]);
    const message = data && data.message;
    if (parts[1] === "4") return { error: message || (plan.version === 2 ? String(data) : ""), alive: true };
    if (plan.version > 2 && !(data && data.sid)) return { error: plan.v2_server, alive: true };
    return { connects: true, alive: true };
  };

  const by_polling = async () => {
    const answer = await send();
    report.polling = answer.status !== 0;
    if (answer.late) return { error: "timeout" };
    if (answer.status !== 200) return { error: "xhr poll error", opening: true };
    const packets = decode(answer.text);
    const session = opening(packets && packets[0]);
    if (!session) return { error: "server error", opening: true };
    const result = await join_by_polling(session.sid, packets.slice(1));
    if (!result.alive) return result;
    const may_upgrade = left.includes("websocket") && (session.upgrades || []).includes("websocket");
    const upgraded = may_upgrade && (await upgrade(session.sid));
    if (!upgraded) await send(session.sid, encode("1"));
    return result.connects ? { connects: true, transport: upgraded ? "websocket" : "polling" } : result;
  };

  const join_by_polling = async (sid, packets) => {
    if (plan.connect) {
      const posted = await send(sid, encode(plan.connect));
      if (posted.status !== 200) return { error: posted.late ? null : "xhr post error" };
    }
    for (let patience = plan.patience; patience; patience -= 1) {
      for (const packet of packets) {
        if (packet === "1") return {};
        const decided = joined(packet);
        if (decided) return decided;
      }
      const polled = await send(sid);
      if (polled.status !== 200) return { error: polled.late ? null : "xhr poll error" };
      packets = decode(polled.text);
      if (!packets) return { error: "server error" };
    }
    return { alive: true };
  };

  const upgrade = async (sid) => {
    const connection = await open(`${plan.websocket}&sid=${encodeURIComponent(sid)}`);
    if (connection.opened) connection.send("2probe");
    const good = connection.opened && (await connection.next()) === "3probe";
    if (good) connection.send("5");
    connection.close();
    return good;
  };

  const by_websocket = async () => {
    const connection = await open(plan.websocket);
    const first = connection.opened ? await connection.next() : null;
    report.websocket = connection.opened && !connection.failed;
    const result = await join_by_websocket(connection, first);
    if (connection.opened) connection.close();
    return result;
  };

  const join_by_websocket = async (connection, first) => {
    if (!report.websocket) return { error: connection.thrown ?? "websocket error", opening: true };
    if (first === null) return { error: "timeout" };
    if (!opening(first)) return { error: "server error", opening: true };
    if (plan.connect) connection.send(plan.connect);
    for (let patience = plan.patience; patience; patience -= 1) {
      const message = await connection.next();
      if (message === null) break;
      const decided = typeof message === "string" && joined(message);
      if (decided) return { ...decided, transport: decided.connects ? "websocket" : null };
    }
    return {};
  };

  // The transports that are not given up: with tryAllTransports, one that fails before a session is open is dropped.
  let left = plan.transports;
  const begin = () => (left[0] === "websocket" ? by_websocket() : by_polling());
  let result = await begin();
  while (plan.try_all_transports && result.opening && left.length > 1) {
    left = left.slice(1);
    result = await begin();
  }
  const { connects, transport, error } = result;
  return { ...report, connects: connects || false, transport: transport || null, error: error ?? null };
}
