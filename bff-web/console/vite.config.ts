import { defineConfig } from 'vite';

/** How the set-up builds the page; bff-web serves what comes out from `dist`. */
export default defineConfig({
  // Paths relative to the page: it works under whatever prefix a gateway serves it.
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    // The page's policy allows no data: fonts or scripts, and a file of its own is cached for good.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
});
