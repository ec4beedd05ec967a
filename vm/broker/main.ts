/**
 * The broker's process: `broker.mjs SOCKET`. It ends when its standard input does, that is, with the run that started
 * it.
 */
import { BrokerServer } from './server.ts';

const broker = await BrokerServer.listen(process.argv[2]!);
process.stdout.write('ready\n');
process.stdin.resume();
process.stdin.on('end', () => {
  void broker.close().finally(() => process.exit(0));
});
// ^C is for the run; the broker ends with it, after the lessees.
process.on('SIGINT', () => {
  /* standard input says when */
});
