import { render } from "preact";
import { App } from "./components/App";
import { KeyKeeper } from "./key";
import { goLive } from "./live";
import { newStore } from "./store";
import "uplot/dist/uPlot.min.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";

const key = new KeyKeeper(() => sessionStorage);
const store = newStore(key.get() !== "");
const live = goLive(store, key);
render(<App store={store} live={live} shownKey={() => key.get()} />, document.getElementById("app")!);
