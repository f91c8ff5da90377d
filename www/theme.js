// Before the first paint: the theme that the reader chose on an earlier visit. Not a module, since modules run after parsing.
try {
  const chosen = localStorage.getItem("kvlens-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is refused (private window, sandboxed frame): the system's theme stands.
}
