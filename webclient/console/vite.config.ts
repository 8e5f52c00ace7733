import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** `npm run dev -w console` talks to a server started beside it. */
const server = process.env.MEDIASWITCH_URL ?? "https://127.0.0.1:8443";

export default defineConfig({
  plugins: [react()],
  base: "/",
  build: { outDir: "../dist/console", assetsInlineLimit: 0, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 1500 },
  server: { proxy: { "/api": { target: server, secure: false, ws: true } } },
});
