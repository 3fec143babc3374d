// An extractor in JavaScript, on node-html-parser. docs/wasm.md tells how it becomes a component.

import { parse } from "node-html-parser";

// The name of the interface that the world exports.
export const extraction = {
    extract(page, queries) {
        // What is wrong with a query is told whatever the page is, so all are compiled first.
        const compiled = queries.map(compile);
        // One read of the page for all of them, and with all text: its own default leaves out that of scripts and styles.
        const blockTextElements = { script: true, noscript: true, style: true, pre: true };
        const root = queries.some(({ tag }) => tag === "css") ? parse(page, { comment: false, blockTextElements }) : null;
        return compiled.map((run) => run(page, root));
    },
};

function compile(query, index) {
    if (query.tag === "css") {
        const { selector, attribute } = query.val;
        try {
            parse("<p></p>").querySelectorAll(selector);
        } catch (error) {
            throw { tag: "selector", val: { query: index, message: oneLine(error), at: undefined } };
        }
        return (page, root) => {
            const elements = root.querySelectorAll(selector);
            if (attribute === undefined) return elements.map((element) => element.textContent);
            return elements.map((element) => element.getAttribute(attribute)).filter((value) => value !== undefined);
        };
    }
    let pattern;
    try {
        pattern = new RegExp(query.val, "gu");
    } catch (error) {
        throw { tag: "pattern", val: { query: index, message: oneLine(error), at: undefined } };
    }
    // With an alternative that matches nothing, any pattern matches; the match tells how many groups there are.
    const group = Math.min(new RegExp(`${query.val}|`, "u").exec("").length - 1, 1);
    return (page) => Array.from(page.matchAll(pattern), (match) => match[group]).filter((value) => value !== undefined);
}

function oneLine(error) {
    return String(error.message ?? error).replace(/\s+/g, " ");
}
