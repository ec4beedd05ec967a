import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

/**
 * The house, from the ground up, and the rooms whose code each room may import (docs/architecture.md). A room can only
 * name rooms that stand before it here, so imports run downwards. A folder that is not named may not be imported from
 * any other.
 */
const rooms = {
  uapi: [],
  model: ['uapi'],
  files: [],
  'harness/native': ['uapi', 'model'],
  vm: ['uapi', 'model', 'files'],
  server: ['uapi', 'model'],
  oracles: ['uapi', 'model', 'server'],
  generators: ['uapi', 'model', 'oracles'],
  plan: ['uapi', 'model', 'oracles', 'generators'],
  reproducers: ['uapi', 'model', 'server', 'oracles'],
  'harness/guest': ['uapi', 'model', 'files', 'server', 'harness/native'],
  'harness/run': ['uapi', 'model', 'files', 'server', 'vm', 'oracles', 'generators', 'plan', 'reproducers'],
  bench: ['uapi', 'model', 'files', 'vm', 'oracles', 'generators', 'harness/run'],
  reports: ['uapi', 'model', 'files'],
  cli: ['uapi', 'model', 'files', 'vm', 'oracles', 'plan', 'reproducers', 'harness/run', 'bench', 'reports'],
};
const order = Object.keys(rooms);
for (const [room, imports] of Object.entries(rooms)) {
  const up = imports.find((other) => order.indexOf(other) < 0 || order.indexOf(other) >= order.indexOf(room));
  if (up !== undefined) throw new Error(`eslint.config.js: ${room} names ${up}, which does not stand before it`);
}

export default tseslint.config(
  {
    ignores: [
      'node_modules',
      'dist',
      'build',
      'harness/native/build',
      'test-results',
      'playwright-report',
      'examples/**/node_modules',
    ],
  },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    plugins: { boundaries },
    settings: { 'boundaries/elements': order.map((pattern) => ({ type: pattern, pattern })) },
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          policies: order.map((type) => ({
            from: { element: { type } },
            allow: [type, ...rooms[type]].map((target) => ({ to: { element: { type: target } } })),
          })),
        },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-properties': [
        'error',
        {
          object: 'AbortSignal',
          property: 'timeout',
          message: 'the garbage collector may take it: see harness/run/time-limit.ts',
        },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'CallExpression:matches([callee.name=/^mkdir(Sync)?$/], [callee.property.name=/^mkdir(Sync)?$/]) > ObjectExpression > Property[key.name="recursive"]',
          message: 'it never ends under /proc (Node 20): see files/make-directory.ts',
        },
      ],
    },
  },
  // Tests make directories where they may.
  { files: ['**/*.test.ts'], rules: { 'no-restricted-syntax': 'off' } },
  // What runs in a guest can only be tested in one; one test holds the server in all its languages against itself.
  { files: ['**/*.vm.test.ts', 'harness/run/one-server.test.ts'], rules: { 'boundaries/dependencies': 'off' } },
);
