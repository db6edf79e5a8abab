// messages.mjs — made by msgc from proto/schema. Walked by proto/js/codec.mjs.

export const enums = {
  "small.colour": { red: 0, blue: 7 },
};

export const types = {
  "small.point": {
    name: "small.point", fields: [
    { number: 1, name: "x", kind: "i32", least: -100, most: 100 },
    { number: 2, name: "y", kind: "i32", least: -2147483648, most: 2147483647, optional: true },
  ] },
  "small.tagged": {
    name: "small.tagged", fields: [
    { number: 1, name: "name", kind: "str", max: 16 },
    { number: 2, name: "tags", kind: "str", max: 8, items: 4, optional: true },
  ] },
  "small.ask": {
    name: "small.ask", number: 2752513, blob: 1000, reply: "small.answer", fields: [
    { number: 1, name: "id", kind: "u64", least: 0n, most: 18446744073709551615n },
    { number: 2, name: "colour", kind: "enum", of: "small.colour", optional: true },
    { number: 3, name: "at", kind: "record", of: "small.point" },
    { number: 4, name: "all", kind: "record", items: 3, of: "small.tagged", optional: true },
    { number: 5, name: "secret", kind: "str", json: "theSecret", max: 32, optional: true, secret: true },
    { number: 6, name: "ratio", kind: "f64", least: -1, most: 1, optional: true },
    { number: 7, name: "flags", kind: "bool", items: 8, optional: true },
  ] },
  "small.answer": {
    name: "small.answer", number: 2752514, fields: [
  ] },
};
