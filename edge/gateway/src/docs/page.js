// Draws /openapi.json: routes by tag, parameters, bodies and answers, and a form to try each of them.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
/** Schemas within each other, before the rest is left to the reader: categories hold categories. */
const DEPTH_MAX = 6;

const byId = (id) => document.getElementById(id);
let api = {};

/** Makes an element: `make("p.note", {title: "x"}, "text", child)`. */
function make(what, attributes, ...children) {
  const [name, ...classes] = what.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** Text whose `code` is set as code. */
function prose(text) {
  const parts = (text || "").split("`");
  return parts.map((part, index) => (index % 2 ? make("code", null, part) : document.createTextNode(part)));
}

/** Paragraphs and lists of a description. */
function blocks(text) {
  return (text || "").split("\n\n").map((block) => {
    if (!block.startsWith("- ")) return make("p", null, ...prose(block));
    const items = block.slice(2).split("\n- ").map((item) => make("li", null, ...prose(item)));
    return make("ul", null, ...items);
  });
}

/** What a reference leads to; anything else is itself. */
function follow(thing) {
  if (!thing || !thing.$ref) return thing || {};
  return thing.$ref.slice(2).split("/").reduce((value, key) => value[key.replace(/~1/g, "/")], api);
}

function nameOf(schema) {
  return schema && schema.$ref ? schema.$ref.split("/").pop() : undefined;
}

/** The alternatives of a schema without the one that is only `null`. */
function alternatives(schema) {
  const all = schema.oneOf || schema.anyOf;
  return all && all.filter((one) => follow(one).type !== "null");
}

/** A schema's type in a few words: `array of Money`, `string <date-time>`. */
function typeOf(schema) {
  const own = follow(schema);
  const others = alternatives(own);
  if (others) return others.map(typeOf).join(" or ");
  const type = [].concat(own.type || (own.properties ? "object" : "any")).filter((one) => one !== "null").join(" or ");
  if (type === "array") return `array of ${typeOf(own.items || {})}`;
  if (type === "object" && nameOf(schema)) return nameOf(schema);
  return own.format ? `${type} <${own.format}>` : type;
}

/** The bounds of a value: `1 to 100`, `newest | title`. */
function boundsOf(schema) {
  const own = follow(schema);
  const range = (low, high, unit) => {
    if (low === undefined && high === undefined) return undefined;
    if (high === undefined) return `at least ${low}${unit}`;
    return low === undefined ? `at most ${high}${unit}` : `${low} to ${high}${unit}`;
  };
  return [
    own.enum && own.enum.join(" | "),
    range(own.minimum, own.maximum, ""),
    range(own.minLength, own.maxLength, " characters"),
    range(own.minItems, own.maxItems, " items"),
    own.default !== undefined && `default ${JSON.stringify(own.default)}`,
  ].filter(Boolean).join(", ");
}

/** A value that fits the schema, to start from. */
function exampleOf(schema, name, depth = 0) {
  const own = follow(schema);
  if (own.example !== undefined) return own.example;
  if (own.default !== undefined) return own.default;
  if (own.enum) return own.enum[0];
  const others = alternatives(own);
  if (others) return exampleOf(others[0] || {}, name, depth);
  if (own.allOf) return Object.assign({}, ...own.allOf.map((one) => exampleOf(one, name, depth)));
  switch ([].concat(own.type)[0]) {
    case "array": return depth < DEPTH_MAX && own.minItems ? [exampleOf(own.items, name, depth + 1)] : [];
    case "boolean": return false;
    case "integer": case "number": return Math.max(own.minimum ?? 1, 1);
    case "string": return textFor(own, name);
    default: break;
  }
  const required = own.required || [];
  const fields = Object.entries(own.properties || {}).filter(([field]) => required.includes(field));
  return Object.fromEntries(fields.map(([field, inner]) => [field, exampleOf(inner, field, depth + 1)]));
}

function textFor(schema, name) {
  if (schema.format === "date-time") return "2026-05-03T10:12:00Z";
  if (schema.format === "email" || name === "email") return "ada@example.com";
  if (schema.format === "password") return name === "token" ? "tok_success" : "";
  if (name === "currency") return "EUR";
  if (name === "country") return "DE";
  return schema.pattern ? "" : name || "";
}

/** The fields of a schema; objects within can be opened. */
function fieldsOf(schema, depth = 0) {
  const own = follow(schema);
  const others = alternatives(own);
  if (others) return make("div", null, ...others.map((one) => fieldsOf(one, depth)));
  if (own.allOf) return make("div", null, ...own.allOf.map((one) => fieldsOf(one, depth)));
  if (own.items) return fieldsOf(own.items, depth);
  if (!own.properties) return make("p.type", null, [typeOf(schema), boundsOf(schema)].filter(Boolean).join(", "));
  const required = own.required || [];
  const fields = Object.entries(own.properties).map(([name, inner]) => {
    const line = make("div.field", null, make("span.name", null, name), " ", make("span.type", null, typeOf(inner)));
    if (required.includes(name)) line.append(make("span.must", { title: "required" }, " *"));
    if (boundsOf(inner)) line.append(" ", make("span.badge", null, boundsOf(inner)));
    const [first] = alternatives(inner) || [];
    const about = inner.description || (first || {}).description || follow(inner).description;
    if (about) line.append(make("p", null, ...prose(about)));
    if (hasFields(inner) && depth < DEPTH_MAX) line.append(opener("fields", () => fieldsOf(inner, depth + 1)));
    return line;
  });
  return make("div.schema", null, ...fields);
}

function hasFields(schema) {
  const own = follow(schema);
  if (own.items) return hasFields(own.items);
  const others = alternatives(own);
  return others ? others.some(hasFields) : Boolean(own.properties);
}

/** A part that is drawn when it is first opened. */
function opener(title, draw) {
  const part = make("details", null, make("summary", null, title));
  part.addEventListener("toggle", () => part.children.length === 1 && part.append(draw()), { once: true });
  return part;
}

function pathText(path) {
  const parts = path.split(/({[^}]+})/).map((part) => (part.startsWith("{") ? make("b", null, part) : part));
  return make("span.path", null, ...parts);
}

/** One operation, drawn when it is opened. */
function drawOperation(path, method, operation) {
  const card = make(
    "details.operation", { id: operation.operationId },
    make("summary", null, make(`span.method.${method}`, null, method.toUpperCase()), pathText(path),
      make("span.what", null, operation.summary || "")),
  );
  card.addEventListener("toggle", () => {
    if (card.children.length === 1) card.append(drawInside(path, method, operation));
  });
  return card;
}

function drawInside(path, method, operation) {
  const inside = make("div.inside", null, ...blocks(operation.description));
  const login = operation.security && !operation.security.some((one) => Object.keys(one).length === 0);
  if (login) inside.append(make("span.badge", null, "needs a login"));
  const form = make("form.try", { novalidate: "" });
  const parameters = (operation.parameters || []).map(follow);
  const rows = parameters.map((parameter) => drawParameter(parameter));
  if (rows.length) form.append(make("h3", null, "Parameters"), make("table", null, ...rows.map((row) => row.line)));
  const body = drawBody(operation, form);
  const output = make("div");
  form.append(make("div.row", null, make("button", { type: "submit" }, "Send")), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(method, path, rows, body, output);
  });
  inside.append(form, make("h3", null, "Answers"), drawAnswers(operation.responses));
  return inside;
}

function drawParameter(parameter) {
  const schema = follow(parameter.schema);
  const choices = schema.enum && ["", ...schema.enum].map((value) => make("option", { value }, value));
  const label = `${parameter.name} (${parameter.in})`;
  const input = choices
    ? make("select", { "aria-label": label }, ...choices)
    : make("input", { type: "text", "aria-label": label, placeholder: parameter.in, spellcheck: "false" });
  if (parameter.name === "Idempotency-Key") input.placeholder = "a new one for each request";
  const name = make("td", null, make("span.name", null, parameter.name));
  if (parameter.required) name.append(make("span.must", { title: "required" }, " *"));
  name.append(make("p.type", null, typeOf(schema)));
  const bounds = boundsOf(schema);
  const about = make("td", null, make("p", null, ...prose(parameter.description)), bounds && make("span.badge", null, bounds));
  return { parameter, input, line: make("tr", null, name, about, make("td", null, input)) };
}

function drawBody(operation, form) {
  const content = follow(operation.requestBody).content;
  if (!content) return undefined;
  const [type, media] = Object.entries(content)[0];
  const input = make("textarea", { "aria-label": "Body", spellcheck: "false" });
  const example = media.example ?? exampleOf(media.schema);
  input.value = typeof example === "string" ? "" : JSON.stringify(example, null, 2);
  form.append(make("h3", null, "Body"), input, opener(`all fields of ${nameOf(media.schema) || type}`, () => fieldsOf(media.schema)));
  return { type, input };
}

function drawAnswers(responses) {
  const parts = Object.entries(responses || {}).map(([status, reference]) => {
    const response = follow(reference);
    const [type, media] = Object.entries(response.content || {})[0] || [];
    const headers = Object.entries(response.headers || {}).map(([name, header]) =>
      make("p.field", null, make("span.name", null, name), " ", ...prose(follow(header).description)));
    const inside = () => make("div", null, ...headers, type && make("p.type", null, type), media && media.schema && fieldsOf(media.schema));
    const part = opener("", inside);
    part.firstChild.append(make(`span.status.s${status[0]}`, null, status), make("span", null, ...prose(response.description)));
    return part;
  });
  return make("div.answers", null, ...parts);
}

/** The request that the form says. */
function requestOf(method, path, rows, body) {
  const headers = {};
  const query = new URLSearchParams();
  let target = path;
  for (const { parameter, input } of rows) {
    const value = input.value.trim();
    if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value || "-"));
    else if (parameter.name === "Idempotency-Key") headers[parameter.name] = value || freshKey();
    else if (!value) continue;
    else if (parameter.in === "header") headers[parameter.name] = value;
    else if (follow(parameter.schema).type === "array" && parameter.explode !== false) {
      value.split(/\s+/).forEach((one) => query.append(parameter.name, one));
    } else query.append(parameter.name, value);
  }
  const token = byId("token").value.trim();
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = body.type;
  const url = query.size ? `${target}?${query}` : target;
  return { url, options: { method: method.toUpperCase(), headers, body: body && body.input.value } };
}

function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function curlOf(url, options) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const headers = Object.entries(options.headers).map(([name, value]) => ` \\\n  -H ${quoted(`${name}: ${value}`)}`);
  const body = options.body === undefined ? "" : ` \\\n  -d ${quoted(options.body)}`;
  const method = options.method === "GET" ? "" : `-X ${options.method} `;
  return `curl -i ${method}${quoted(location.origin + url)}${headers.join("")}${body}`;
}

async function send(method, path, rows, body, output) {
  const { url, options } = requestOf(method, path, rows, body);
  const started = performance.now();
  let answer;
  try {
    answer = await fetch(url, { ...options, credentials: "omit" });
  } catch (error) {
    output.replaceChildren(make("p.must", null, `No answer: ${error.message}`));
    return;
  }
  const took = Math.round(performance.now() - started);
  const text = await answer.text();
  const shown = ["etag", "location", "x-request-id", "retry-after"].filter((name) => answer.headers.has(name));
  output.replaceChildren(
    make("h3", null, "Answer"),
    make("p", null, make(`span.status.s${String(answer.status)[0]}`, null, `${answer.status} ${answer.statusText}`), ` in ${took} ms`),
    make("p.type", null, shown.map((name) => `${name}: ${answer.headers.get(name)}`).join("   ")),
    text ? make("pre", null, pretty(text)) : "",
    make("h3", null, "The same with curl"),
    make("pre", null, curlOf(url, options)),
  );
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function logIn(event) {
  event.preventDefault();
  const body = JSON.stringify({ email: byId("email").value, password: byId("password").value });
  const answer = await fetch("/v1/sessions", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const result = await answer.json().catch(() => ({}));
  byId("password").value = "";
  if (!answer.ok) {
    byId("who").textContent = result.detail || `The login failed with ${answer.status}.`;
    return;
  }
  byId("token").value = result.token;
  byId("who").textContent = `Requests below are sent as ${result.user.name} (${result.user.role}).`;
}

function drawRoutes() {
  const found = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method] })));
  for (const tag of api.tags) {
    const own = found.filter(({ operation }) => (operation.tags || []).includes(tag.name));
    if (!own.length) continue;
    const links = own.map(({ path, method, operation }) => {
      const label = make(`span.method.${method}`, null, method === "delete" ? "DEL" : method.toUpperCase());
      const title = (operation.summary || path).split(/[;:]/)[0];
      return make("a", { href: `#${operation.operationId}`, "data-words": `${method} ${path} ${operation.summary}`.toLowerCase() }, label, title);
    });
    byId("routes").append(make("section", null, make("h2", null, tag.name), ...links));
    byId("operations").append(make("div.tag", null, make("h2", null, tag.name), make("p", null, tag.description || "")),
      ...own.map(({ path, method, operation }) => drawOperation(path, method, operation)));
  }
}

function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/);
  for (const section of byId("routes").children) {
    const links = [...section.querySelectorAll("a")];
    links.forEach((link) => link.classList.toggle("hidden", !words.every((word) => link.dataset.words.includes(word))));
    section.classList.toggle("hidden", links.every((link) => link.classList.contains("hidden")));
  }
}

/** Opens the operation that the address names. */
function show() {
  const card = byId(decodeURIComponent(location.hash.slice(1)));
  document.querySelectorAll("nav a").forEach((link) => link.classList.toggle("here", link.hash === location.hash));
  if (card && card.matches("details")) {
    card.open = true;
    card.scrollIntoView();
  }
}

async function start() {
  api = await (await fetch("/openapi.json")).json();
  byId("version").textContent = api.info.version;
  byId("about").append(make("h1", null, `${api.info.title} API`), ...blocks(api.info.description));
  byId("about").append(make("p", null, make("a", { href: "/openapi.json" }, "openapi.json"), " · ", make("a", { href: "/errors" }, "error codes")));
  drawRoutes();
  byId("filter").addEventListener("input", filter);
  byId("login").addEventListener("submit", logIn);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || /INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) return;
    event.preventDefault();
    byId("filter").focus();
  });
  addEventListener("hashchange", show);
  show();
}

start();
