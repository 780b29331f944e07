// Loads the WebAssembly module. It is a classic script in the head, so that the chosen theme stands
// before anything is painted.
(() => {
  "use strict";
  const { glue, wasm } = document.currentScript.dataset;

  try {
    const theme = localStorage.getItem("antares.theme");
    if (theme === "light" || theme === "dark") {
      document.documentElement.dataset.theme = theme;
    }
  } catch {
    // Storage is forbidden: the system's theme it is.
  }

  // What the user sees when nothing else can be shown: a load that failed, or a defect of the console.
  const fail = (chinese, english, reason) => {
    console.error(english, reason);
    const say = () => {
      const box = document.createElement("div");
      box.className = "boot";
      box.setAttribute("role", "alert");
      const text = document.createElement("p");
      let language = navigator.language || "";
      try {
        language = localStorage.getItem("antares.language") || language;
      } catch {
        // As above: the browser's it is.
      }
      const zh = language.startsWith("zh");
      text.textContent = zh ? chinese : english;
      const again = document.createElement("button");
      again.className = "button primary";
      again.textContent = zh ? "重新加载" : "Reload";
      again.addEventListener("click", () => location.reload());
      box.append(text, again);
      document.body.replaceChildren(box);
    };
    document.body ? say() : addEventListener("DOMContentLoaded", say);
  };

  addEventListener("antares-defect", (event) =>
    fail("控制台因自身缺陷而停止。", "The console has stopped because of a defect of its own.", event.detail));

  import(glue)
    .then((module) => module.default({ module_or_path: wasm }))
    .catch((error) => {
      fail(
        "控制台未能加载。它需要支持 WebAssembly 的浏览器；服务器若正在重启，请稍后再试。",
        "The console could not be loaded. It needs a browser with WebAssembly; if the server is restarting, try again in a moment.",
        error,
      );
    });
})();
