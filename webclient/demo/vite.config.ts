import { defineConfig } from "vite";

export default defineConfig({
  base: "/demo/",
  build: { outDir: "../dist/demo", assetsInlineLimit: 0, emptyOutDir: true, target: "es2022" },
});
