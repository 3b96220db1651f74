import { render } from "preact";
import { App } from "./components/App";
import { goLive } from "./live";
import { newStore } from "./store";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";

const store = newStore();
const live = goLive(store);
render(<App store={store} live={live} />, document.getElementById("app")!);
