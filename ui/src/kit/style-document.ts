/**
 * While it is in force, <style> elements that scripts make put their text into constructable style sheets, and style attributes
 * go through the style object. A strict content security policy refuses both others; xterm writes its colours that way on the
 * page's own document, whatever its documentOverride says. Returns how to end it.
 */
export function allowScriptedStyles(page: Document): () => void {
  const original = page.createElement;
  const make = original.bind(page) as (name: string, options?: ElementCreationOptions) => HTMLElement;
  const replaced = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name === "style") return styleStandIn(page, make("span"));
    const element = make(name, options);
    if (name === "span") element.setAttribute = setAttributeOf(element);
    return element;
  };
  page.createElement = replaced as Document["createElement"];
  return () => {
    if (page.createElement === (replaced as Document["createElement"])) page.createElement = original;
  };
}

function setAttributeOf(element: HTMLElement): Element["setAttribute"] {
  return (name, value) => {
    if (name === "style") element.style.cssText = value;
    else Element.prototype.setAttribute.call(element, name, value);
  };
}

function styleStandIn(page: Document, element: HTMLElement): HTMLElement {
  const sheet = new CSSStyleSheet();
  element.hidden = true;
  page.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, "textContent", {
    get: () => "",
    set(text: string) {
      sheet.replaceSync(text);
    },
  });
  element.remove = () => {
    const at = page.adoptedStyleSheets.indexOf(sheet);
    if (at !== -1) page.adoptedStyleSheets.splice(at, 1);
    Element.prototype.remove.call(element);
  };
  return element;
}
