import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { RequestAborted } from '../../src/postgres/errors';
import {
  JSON_TYPE,
  LIMIT,
  openSocket,
  outcomes,
  port,
  READ_LATE,
  started,
  until,
} from '../support/body-server';

it('takes a body that arrives in pieces that cut characters, with or without a length', async () => {
  const bytes = Buffer.from('{"a":"😀"}');
  for (const length of [`Content-Length: ${bytes.length}`, 'Transfer-Encoding: chunked']) {
    const { socket, received } = await openSocket();
    socket.write(
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${length}\r\n\r\n`,
    );
    for (const byte of bytes) {
      if (length.startsWith('T')) socket.write('1\r\n');
      socket.write(Buffer.from([byte]));
      if (length.startsWith('T')) socket.write('\r\n');
      await delay(2);
    }
    if (length.startsWith('T')) socket.write('0\r\n\r\n');
    await until(() => received().includes('"value":{"a":"😀"}'));
    socket.destroy();
  }
});

describe('a body that is too large', () => {
  it('is refused by its length before a byte of it arrives', async () => {
    const { socket, received } = await openSocket();
    socket.write(
      `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${LIMIT + 1}\r\n\r\n`,
    );
    await until(() => received().includes('LRG-001'));
    expect(received()).toMatch(/^HTTP\/1\.1 413 /);
    expect(received()).toMatch(/^Connection: close\r$/m);
    await until(() => socket.closed);
  });

  it('is refused when it has arrived without a length', async () => {
    const { socket, received } = await openSocket();
    socket.on('error', () => undefined);
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunk = 'x'.repeat(4096);
    for (let sent = 0; sent <= LIMIT; sent += chunk.length) socket.write(`1000\r\n${chunk}\r\n`);
    socket.write('0\r\n\r\n');
    await until(() => received().includes('LRG-001'));
    expect(received()).toMatch(/^Connection: close\r$/m);
    await until(() => socket.closed);
  });

  it('gets its answer although the client sends on', async () => {
    const answer = await new Promise<number>((resolve) => {
      const req = request({ port, method: 'POST', headers: JSON_TYPE }, (res) => {
        res.resume();
        resolve(res.statusCode!);
      });
      req.on('error', () => undefined);
      req.end(Buffer.alloc(5_000_000, 32));
    });
    expect(answer).toBe(413);
  });
});

it('rejects with RequestAborted when the client leaves in the middle of the body', async () => {
  const { socket } = await openSocket();
  socket.write(
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"a":',
  );
  await until(() => started === 1);
  await delay(20);
  socket.destroy();
  await until(() => outcomes.length === 1);
  expect(outcomes[0]).toBeInstanceOf(RequestAborted);
});

it('rejects with RequestAborted when the client has already left', async () => {
  const { socket } = await openSocket();
  socket.write(
    `POST / HTTP/1.1\r\nHost: x\r\n${READ_LATE}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{`,
  );
  await until(() => started === 1);
  socket.destroy();
  await until(() => outcomes.length === 1);
  expect(outcomes[0]).toBeInstanceOf(RequestAborted);
});
