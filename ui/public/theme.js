// Runs before the first paint, so that a chosen theme or language never flashes the other one.
(() => {
  try {
    const theme = localStorage.getItem("windflow.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    const language = localStorage.getItem("windflow.language");
    if (language) document.documentElement.lang = language;
  } catch {
    // Storage may be forbidden; the system's theme is used then.
  }
})();
