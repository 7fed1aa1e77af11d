import { connect } from 'node:net';
import type { Answer } from './send';

const QUIET_MS = 5000;

/**
 * Sends bytes to a server as they are and reads until it closes the connection.
 * @returns all the answers it gave, in their order
 */
export async function sendBytes(url: string, bytes: string | Buffer): Promise<Answer[]> {
  const { hostname, port } = new URL(url);
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(QUIET_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that refuses closes while we are still sending.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      ['ECONNRESET', 'EPIPE'].includes(error.code ?? '') ? resolve() : reject(error),
    );
    socket.on('close', () => resolve());
  });
  const answers: Answer[] = [];
  for (let rest = Buffer.concat(chunks); rest.length > 0;) {
    const { answer, length } = readAnswer(rest);
    answers.push(answer);
    rest = rest.subarray(length);
  }
  return answers;
}

function readAnswer(bytes: Buffer): { answer: Answer; length: number } {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const [first = '', ...lines] = bytes.toString('latin1', 0, end - 4).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const status = Number(first.split(' ')[1]);
  if (status === 100) return readAnswer(bytes.subarray(end));
  const length = Number(headers['content-length'] ?? bytes.length - end);
  const text = bytes.toString('utf8', end, end + length);
  const type = (headers['content-type'] ?? '').split(';', 1)[0]!;
  const body: unknown = text !== '' && type.endsWith('json') ? JSON.parse(text) : undefined;
  return { answer: { status, headers, text, type, body }, length: end + length };
}
