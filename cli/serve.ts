/** `iomapfuzz serve`: a FUSE server that a script describes, in a guest, for one command or a shell. */
import { Command } from 'commander';
import { build, type BuildFailure, type Message } from 'esbuild';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InfrastructureError, UsageError, messageOf } from '../model/errors.ts';
import { findTool } from '../vm/host/tools.ts';
import { programWithLibraries, type GuestFile } from '../vm/initramfs/files.ts';
import { requireTestable } from '../vm/kernel/identify.ts';
import { repositoryRoot } from '../files/repository-root.ts';
import { Vm } from '../vm/vm.ts';
import { requireRegular } from '../files/regular-file.ts';
import type { GuestMessage } from '../model/channel.ts';
import { addFileOption, guestFilesOf, memoryForFiles } from './guest-file-options.ts';
import {
  addDeviceOption,
  attachDevices,
  memoryForDevices,
  ramdiskArguments,
  type WantedDevice,
} from './serve-devices.ts';
import { addVmOptions, vmSpecOf, type VmOptions } from './vm-options.ts';
import { defaultRevision, revisionIds } from '../uapi/revision.ts';
import { exitCodes, GUEST_CODES } from './exit-codes.ts';

interface ServeOptions extends VmOptions {
  file?: string[];
  device?: WantedDevice[];
  quiet?: boolean;
}

const mountPoint = '/mnt';
/** harness/guest/serve/main.ts says so when the kernel has taken the answer to INIT. */
const readyLine = 'iomapfuzz-serve: mounted';
/** Its exit code when the script threw. */
const scriptFault = 2;
const bundlePath = '/iomapfuzz/serve.cjs';
/** A shell may sit there for a day. */
const silenceMs = 24 * 3600 * 1000;
const remountFile = '/run/iomapfuzz-remount';
/** In the guest: has the script serve again what is on its devices. */
const remountScript = `#!/bin/sh
cd /
touch ${remountFile}
umount ${mountPoint} || { rm -f ${remountFile}; echo 'remount: leave the mount first: cd /' >&2; exit 1; }
until [ ! -e ${remountFile} ] && grep -q ' ${mountPoint} fuse' /proc/mounts; do sleep 0.05; done
`;
/** Useful in a mount, when this machine has them. busybox brings the rest. */
const tools = ['filefrag'];

export function serveCommand(): Command {
  return addDeviceOption(addFileOption(addVmOptions(new Command('serve'))))
    .description(
      'boot a guest, mount the file system that SCRIPT serves, and run CMD in it, or a shell; every request and reply is shown on standard error',
    )
    .usage('[options] SCRIPT.ts [-- CMD...]')
    .argument('<script>', 'TypeScript file whose default export is defineServer({ ... }); see examples/')
    .argument('[cmd...]', `run in ${mountPoint}; without it: a shell`)
    .option('-q, --quiet', 'no transcript')
    .addHelpText(
      'after',
      exitCodes(
        `that of CMD, or of the shell; besides, ${GUEST_CODES} A script that throws is 2, a server that ends too early 3.`,
      ),
    )
    .action(
      async (script: string, argv: string[], { device = [], file = [], quiet = false, ...options }: ServeOptions) => {
        const bundle = await bundleScript(script);
        const brought = guestFilesOf(file);
        const files: GuestFile[] = [
          { path: bundlePath, content: { kind: 'bytes', bytes: bundle } },
          {
            path: '/usr/local/bin/remount',
            content: { kind: 'bytes', bytes: Buffer.from(remountScript) },
            executable: true,
          },
          ...brought,
        ];
        for (const name of tools) {
          const tool = findTool(name);
          if (tool !== undefined) files.push(...programWithLibraries(`/usr/bin/${name}`, tool));
        }
        const spec = await vmSpecOf(options, { files, revision: defaultRevision, needs: revisionIds[0]! });
        requireTestable(spec.kernel);
        const vm = await Vm.boot({
          ...spec,
          memoryMib: options.memory ?? spec.memoryMib + memoryForFiles(brought) + memoryForDevices(device),
          kernelArguments: ramdiskArguments(device),
        });
        try {
          // Without fuse-iomap the kernel would ask for no mapping, and reads would return what no script said.
          requireTestable(spec.kernel, vm.facts);
          const attachments = await attachDevices(vm, device);
          process.exitCode = await serveIn(
            vm,
            argv,
            JSON.stringify({
              mountPoint,
              attachments,
              quiet,
              remountFile,
              readyLine,
              scriptFault,
              numbers: spec.uapiHeader?.numbers,
            }),
          );
        } finally {
          await vm.close();
        }
      },
    );
}

/** The script and the server as one file. Throws UsageError with the compiler's messages. */
async function bundleScript(script: string): Promise<Uint8Array> {
  const path = resolve(script);
  if (!existsSync(path)) throw new UsageError(`there is no script ${path}`);
  try {
    requireRegular(path);
  } catch (error) {
    throw new UsageError(`the script ${path} cannot be read: ${messageOf(error)}`);
  }
  const root = repositoryRoot();
  const contents = `import * as script from ${JSON.stringify(path)};\nimport { main } from ${JSON.stringify(join(root, 'harness/guest/serve/main.ts'))};\nmain(script.default);\n`;
  try {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: root, loader: 'ts' },
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      alias: { 'iomapfuzz/server': join(root, 'harness/guest/api.ts') },
      logLevel: 'silent',
      legalComments: 'none',
      sourcemap: 'inline',
      sourcesContent: false,
      // A script without a default export is told so in the guest, in words.
      logOverride: { 'import-is-undefined': 'silent' },
    });
    return outputFiles[0]!.contents;
  } catch (error) {
    const { errors } = error as Partial<BuildFailure>;
    if (!errors) throw error;
    throw new UsageError(`${script} does not compile:\n${errors.map(messageText).join('\n')}`);
  }
}

const messageText = ({ text, location }: Message): string =>
  location
    ? `  ${location.file}:${location.line}:${location.column + 1}: ${text}\n    ${location.lineText.trim()}`
    : `  ${text}`;

/** Ids of the three commands in the guest. */
const SERVER = 1,
  COMMAND = 2,
  UMOUNT = 3;

/** Returns the command's exit code. Throws InfrastructureError when the server does not come up. */
async function serveIn(vm: Vm, argv: string[], options: string): Promise<number> {
  const shell = argv.length === 0;
  let code: number | undefined;
  let complaints = '';
  let commanded = false;
  let served = true;
  let stopInput: (() => void) | undefined;
  const transcript = prefixed('| ');
  vm.send({ kind: 'exec', id: SERVER, argv: ['node', '--enable-source-maps', bundlePath, options] });
  try {
    for (;;) {
      const message = await vm.receive(silenceMs);
      if (!('id' in message)) continue;
      if (message.kind === 'error') throw new InfrastructureError(`the guest refused: ${message.reason}`);
      if (message.id === SERVER && message.kind === 'output' && message.stream === 'stderr') {
        const ready = complaints.includes(readyLine);
        complaints += Buffer.from(message.bytes).toString();
        if (ready || !complaints.includes(readyLine) || commanded) continue;
        commanded = true;
        vm.send({
          kind: 'exec',
          id: COMMAND,
          argv: shell ? ['sh', '-i'] : argv,
          cwd: mountPoint,
          input: true,
          env: { PS1: `${mountPoint} # `, HOME: '/root' },
        });
        stopInput = passInput(vm);
      } else if (message.kind === 'output') {
        showOutput(message, transcript);
      } else if (message.kind === 'exited' && message.id === COMMAND) {
        code = message.code;
        if (!served) return code;
        vm.send({ kind: 'exec', id: UMOUNT, argv: ['umount', mountPoint] });
      } else if (message.kind === 'exited' && message.id === UMOUNT && message.code !== 0) {
        process.stderr.write(
          'iomapfuzz: something in the guest still uses the mount: it ends with the guest, not unmounted\n',
        );
        return code!;
      } else if (message.kind === 'exited' && message.id === SERVER) {
        const rest = complaints.replaceAll(`${readyLine}\n`, '').trim();
        served = false;
        if (message.code === 0) {
          if (code !== undefined) return code;
          // The command unmounted by itself.
          if (commanded) continue;
        }
        if (message.code === scriptFault) throw new UsageError(`the script failed in the guest:\n${rest}`);
        throw new InfrastructureError(
          `the server ended with exit code ${message.code}${rest === '' ? '' : `:\n${rest}`}`,
        );
      }
    }
  } finally {
    stopInput?.();
  }
}

function showOutput(message: Extract<GuestMessage, { kind: 'output' }>, transcript: (bytes: Uint8Array) => void): void {
  if (message.id === SERVER) transcript(message.bytes);
  else process[message.stream].write(message.bytes);
}

/** Standard input goes to the command until it or the command ends. Returns what stops that. */
function passInput(vm: Vm): () => void {
  const give = (bytes: Uint8Array): void => {
    vm.send({ kind: 'input', id: COMMAND, bytes });
  };
  const end = (): void => {
    give(new Uint8Array(0));
  };
  process.stdin.on('data', give).on('end', end);
  return () => {
    process.stdin.off('data', give).off('end', end);
    process.stdin.destroy();
  };
}

/** Writes whole lines to standard error, each behind `prefix`. */
function prefixed(prefix: string): (bytes: Uint8Array) => void {
  let pending = '';
  return (bytes) => {
    const lines = (pending + Buffer.from(bytes).toString()).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) process.stderr.write(`${prefix}${line}\n`);
  };
}
