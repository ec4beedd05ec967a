/** A process that leases a guest from the broker and waits to be killed: `lessee SOCKET SPEC-FILE`. */
import { readFileSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { LeasedVm } from '../broker/client.ts';
import { execInGuest } from '../exec.ts';
import type { VmSpec } from '../vm.ts';

const vm = await LeasedVm.lease(process.argv[2]!, deserialize(readFileSync(process.argv[3]!)) as VmSpec);
await execInGuest(vm, {
  argv: ['sh', '-c', 'echo used > /tmp/mark'],
  timeoutMs: 60_000,
  onOutput: () => {
    /* none */
  },
});
process.send!('leased');
setInterval(() => {
  /* until killed */
}, 1000);
