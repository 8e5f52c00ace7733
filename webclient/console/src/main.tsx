import { createRoot } from "react-dom/client";
import { App } from "./app";
import { newClient } from "./client";
import "@fontsource-variable/inter/wght.css";
import "./base.css";

// The server shows the console at `/` as well; its pages live under `/console`.
if (!location.pathname.startsWith("/console")) history.replaceState(null, "", `/console${location.search}`);

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App client={newClient()} />);
