/**
 * The page's document, but with <style> elements whose text goes into constructable style sheets. A strict content security
 * policy refuses the text of a <style> element; xterm writes its colours and sizes there.
 */
export function documentWithStyleSheets(real: Document): Document {
  return new Proxy(real, {
    get(target, property) {
      if (property === "createElement") return (name: string) => createElement(target, name);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

function createElement(target: Document, name: string): HTMLElement {
  if (name === "style") return styleStandIn(target);
  const element = target.createElement(name);
  if (name !== "span") return element;
  // The policy refuses a style attribute, but not the same through the style object: true colours come this way.
  element.setAttribute = (attribute: string, value: string) => {
    if (attribute === "style") element.style.cssText = value;
    else HTMLElement.prototype.setAttribute.call(element, attribute, value);
  };
  return element;
}

function styleStandIn(target: Document): HTMLElement {
  const element = target.createElement("span");
  const sheet = new CSSStyleSheet();
  element.hidden = true;
  target.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, "textContent", {
    get: () => "",
    set: (text: string) => sheet.replaceSync(text),
  });
  element.remove = () => {
    const at = target.adoptedStyleSheets.indexOf(sheet);
    if (at !== -1) target.adoptedStyleSheets.splice(at, 1);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}
