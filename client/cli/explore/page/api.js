// Questions to `bobbin explore`, and whether it still answers.

export class Failure extends Error {
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

let told = null;
export function onLink(callback) {
  told = callback;
}

async function post(name, question) {
  let answer;
  try {
    answer = await fetch("/api/" + name, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Bobbin-Key": localStorage.getItem("bobbin-key") || "" },
      body: JSON.stringify(question || {}),
      credentials: "same-origin",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
  } catch {
    if (told) told("ended");
    throw new Failure("ended", "bobbin explore does not answer; it may have ended.");
  }
  if (answer.status === 403 && !(answer.headers.get("Content-Type") || "").includes("json")) {
    if (told) told("refused");
    throw new Failure("refused", "This page may not ask any more: open a new link from bobbin explore.");
  }
  return answer;
}

export async function ask(name, question) {
  const answer = await post(name, question);
  const document = await answer.json();
  if (told) told(document.error && answer.status === 502 ? "daemon" : "on");
  if (document.error) throw new Failure(document.error.code, document.error.message, answer.status);
  return document;
}

export async function download(question) {
  const answer = await post("download", question);
  if (!answer.ok) {
    const document = await answer.json();
    throw new Failure(document.error.code, document.error.message, answer.status);
  }
  return answer.blob();
}

// Bytes come as NAME when they are UTF-8, else as NAME_base64; they go back the same way.
export function bytesOf(object, name) {
  if (typeof object[name] === "string") return new TextEncoder().encode(object[name]);
  const text = atob(object[name + "_base64"] || "");
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

export function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

export function withBytes(object, name, bytes) {
  const text = textOf(bytes);
  if (text !== null) return { ...object, [name]: text };
  let binary = "";
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return { ...object, [name + "_base64"]: btoa(binary) };
}
