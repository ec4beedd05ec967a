/** What `./iomapfuzz test lint` asks of imports besides the borders in eslint.config.js: no circles, types included. */
export default {
  forbidden: [
    {
      name: 'no-circle',
      severity: 'error',
      comment: 'files that import each other cannot be read, tested or moved alone: take what both need out of them',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['node_modules', '^dist', '/build/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
