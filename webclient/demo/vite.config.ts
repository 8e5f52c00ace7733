import { defineConfig } from "vite";

export default defineConfig({
  base: "/demo/",
  build: { outDir: "../dist/demo", emptyOutDir: true, target: "es2022" },
});
