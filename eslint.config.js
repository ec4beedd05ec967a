import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

// The import borders of docs/architecture.md. A folder that is not named here may not be imported from any other.
const folders = ['harness/model', 'harness/files', 'harness/uapi', 'harness/guest', 'harness/native', 'harness/run', 'harness/cli',
  'generators', 'oracles', 'vm', 'corpora', 'reports'];
const mayImport = {
  'harness/model': [],
  'harness/files': [],
  'harness/uapi': [],
  'harness/native': [],
  'harness/guest': ['harness/model', 'harness/files', 'harness/uapi', 'harness/native'],
  'harness/run': ['harness/model', 'harness/files', 'harness/uapi', 'generators', 'oracles', 'vm'],
  'harness/cli': ['harness/model', 'harness/files', 'harness/uapi', 'harness/run', 'reports', 'vm', 'oracles'],
  generators: ['harness/model', 'harness/uapi', 'oracles'],
  oracles: ['harness/model', 'harness/uapi'],
  vm: ['harness/model', 'harness/files'],
  corpora: [],
  reports: ['harness/model', 'harness/files', 'harness/uapi', 'oracles'],
};

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'build', 'harness/native/build', 'test-results', 'playwright-report', 'examples/**/node_modules'] },
  ...tseslint.configs.strict,
  {
    files: ['**/*.ts'],
    plugins: { boundaries },
    settings: {
      'boundaries/elements': folders.map((pattern) => ({ type: pattern, pattern })),
    },
    rules: {
      'boundaries/dependencies': ['error', {
        default: 'disallow',
        policies: folders.map((type) => ({
          from: { element: { type } },
          allow: [type, ...mayImport[type]].map((target) => ({ to: { element: { type: target } } })),
        })),
      }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-restricted-properties': ['error', { object: 'AbortSignal', property: 'timeout', message: 'the garbage collector may take it: see harness/run/time-limit.ts' }],
      'no-restricted-syntax': ['error', {
        selector: 'CallExpression:matches([callee.name=/^mkdir(Sync)?$/], [callee.property.name=/^mkdir(Sync)?$/]) > ObjectExpression > Property[key.name="recursive"]',
        message: 'it never ends under /proc (Node 20): see harness/files/make-directory.ts',
      }],
    },
  },
  // Tests make directories where they may.
  { files: ['**/*.test.ts'], rules: { 'no-restricted-syntax': 'off' } },
  // What runs in a guest can only be tested in one.
  { files: ['**/*.vm.test.ts'], rules: { 'boundaries/dependencies': 'off' } },
);
