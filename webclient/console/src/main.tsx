import { createRoot } from "react-dom/client";
import { App } from "./app";
import { newClient } from "./client";
import "./base.css";

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App client={newClient()} />);
