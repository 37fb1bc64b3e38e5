import { Button, Input, InputNumber, Select, Switch } from "antd";
import { createContext, type ReactNode, useContext, useEffect, useId, useState } from "react";
import { useTranslation } from "react-i18next";

/** The part of JSON Schema that the form draws; the server checks the whole. */
export type Schema = {
  type?: string | string[];
  title?: string;
  description?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  format?: string;
  pattern?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
};

type Json = unknown;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A reference inside the schema, followed; one that leads nowhere draws as anything. */
export function follow(schema: Schema, root: Schema): Schema {
  const name = schema.$ref?.match(/^#\/\$defs\/(.+)$/)?.[1];
  const target = name ? root.$defs?.[name] : undefined;
  return target ? { ...target, ...schema, $ref: undefined } : schema;
}

/** What a new value begins with. */
export function startOf(schema: Schema, root: Schema): Json {
  const known = follow(schema, root);
  if (known.default !== undefined) return known.default;
  if (known.const !== undefined) return known.const;
  if (known.type === "object" || known.properties) {
    const required = known.required ?? [];
    return Object.fromEntries(
      Object.entries(known.properties ?? {}).flatMap(([name, child]) => {
        const start = startOf(child, root);
        return start !== undefined && (required.includes(name) || follow(child, root).default !== undefined)
          ? [[name, start]]
          : [];
      }),
    );
  }
  return known.type === "array" ? [] : undefined;
}

function Row(props: { id: string; label: string; hint?: string; required?: boolean; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={props.id}>
        {props.label}
        {props.required && <span aria-hidden="true"> *</span>}
      </label>
      {props.children}
      {props.hint && <p className="faint">{props.hint}</p>}
    </div>
  );
}

/** Is told of every box whose text is no value yet: whoever saves then would save something else. */
export const BrokenBoxes = createContext<(id: string, broken: boolean) => void>(() => {});

/** Anything that has no form of its own, as JSON. */
function RawJson(props: { id: string; value: Json; onChange: (value: Json) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState(() =>
    props.value === undefined ? "" : JSON.stringify(props.value, null, 2),
  );
  const [broken, setBroken] = useState(false);
  const tell = useContext(BrokenBoxes);
  useEffect(() => {
    tell(props.id, broken);
    return () => tell(props.id, false);
  }, [tell, props.id, broken]);
  return (
    <>
      <Input.TextArea
        id={props.id}
        className="code"
        autoSize={{ minRows: 2, maxRows: 14 }}
        value={text}
        status={broken ? "error" : ""}
        onChange={(event) => {
          setText(event.target.value);
          try {
            props.onChange(event.target.value.trim() === "" ? undefined : JSON.parse(event.target.value));
            setBroken(false);
          } catch {
            setBroken(true);
          }
        }}
      />
      {broken && <p role="alert">{t("installations.not_json")}</p>}
    </>
  );
}

type Props = {
  schema: Schema;
  root: Schema;
  name: string;
  label?: string;
  required?: boolean;
  value: Json;
  onChange: (value: Json) => void;
};

/** One value of the settings, drawn as its schema says. */
export function SchemaField(props: Props) {
  const { t } = useTranslation();
  const id = useId();
  const schema = follow(props.schema, props.root);
  const label = schema.title ?? props.label ?? props.name;
  // What counts while nothing is filled in.
  const counts = schema.default;
  const placeholder =
    counts === undefined || counts === null || typeof counts === "object"
      ? {}
      : { placeholder: t("installations.counts", { value: String(counts) }) };
  const row = (children: ReactNode) => (
    <Row
      id={id}
      label={label}
      {...(schema.description ? { hint: schema.description } : {})}
      {...(props.required ? { required: true } : {})}
    >
      {children}
    </Row>
  );
  if (schema.enum) {
    return row(
      <Select
        id={id}
        allowClear={!props.required}
        {...placeholder}
        value={props.value as string | undefined}
        onChange={(value) => props.onChange(value)}
        options={schema.enum.map((value) => ({ value: value as string, label: String(value) }))}
      />,
    );
  }
  const type = Array.isArray(schema.type) ? schema.type.find((kind) => kind !== "null") : schema.type;
  if (type === "string") {
    return row(
      <Input
        id={id}
        {...placeholder}
        value={typeof props.value === "string" ? props.value : ""}
        {...(schema.maxLength ? { maxLength: schema.maxLength } : {})}
        onChange={(event) => props.onChange(event.target.value === "" ? undefined : event.target.value)}
      />,
    );
  }
  if (type === "integer" || type === "number") {
    return row(
      <InputNumber
        id={id}
        {...placeholder}
        value={typeof props.value === "number" ? props.value : null}
        {...(type === "integer" ? { precision: 0 } : {})}
        {...(schema.minimum !== undefined ? { min: schema.minimum } : {})}
        {...(schema.maximum !== undefined ? { max: schema.maximum } : {})}
        onChange={(value) => props.onChange(value ?? undefined)}
      />,
    );
  }
  if (type === "boolean") {
    return row(
      <Switch
        id={id}
        checked={(props.value ?? counts) === true}
        onChange={(value) => props.onChange(value)}
      />,
    );
  }
  if (type === "object" && schema.properties) {
    const body = (
      <>
        {schema.description && <p className="faint">{schema.description}</p>}
        <SchemaForm schema={schema} root={props.root} value={props.value} onChange={props.onChange} />
      </>
    );
    // What may stay empty stays out of the way until somebody wants it.
    return props.required ? (
      <fieldset className="field-group">
        <legend>{label}</legend>
        {body}
      </fieldset>
    ) : (
      <details className="field-group" open={props.value !== undefined}>
        <summary>{label}</summary>
        {body}
      </details>
    );
  }
  if (type === "array" && schema.items) {
    const items = schema.items;
    const values = Array.isArray(props.value) ? props.value : [];
    return (
      <fieldset className="field-group">
        <legend>{label}</legend>
        {schema.description && <p className="faint">{schema.description}</p>}
        {values.map((value, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: entries have no name but their place
          <div key={index} className="row">
            <SchemaField
              schema={items}
              root={props.root}
              name={`${index + 1}`}
              value={value}
              onChange={(next) => props.onChange(values.map((old, at) => (at === index ? next : old)))}
            />
            <Button size="small" onClick={() => props.onChange(values.filter((_, at) => at !== index))}>
              {t("app.remove")}
            </Button>
          </div>
        ))}
        <Button size="small" onClick={() => props.onChange([...values, startOf(items, props.root) ?? null])}>
          {t("installations.add_entry")}
        </Button>
      </fieldset>
    );
  }
  return row(<RawJson id={id} value={props.value} onChange={props.onChange} />);
}

/** All members of an object. */
export function SchemaForm(props: {
  schema: Schema;
  root: Schema;
  value: Json;
  onChange: (value: Json) => void;
}) {
  const value = isRecord(props.value) ? props.value : {};
  const isRequired = (name: string) => props.schema.required?.includes(name) ?? false;
  // What must be filled in comes first.
  const members = Object.entries(props.schema.properties ?? {}).sort(
    ([a], [b]) => Number(isRequired(b)) - Number(isRequired(a)),
  );
  return (
    <div className="stack stack--tight">
      {members.map(([name, schema]) => (
        <SchemaField
          key={name}
          schema={schema}
          root={props.root}
          name={name}
          required={isRequired(name)}
          value={value[name]}
          onChange={(next) => {
            const { [name]: _, ...rest } = value;
            // A group that was emptied again is left out: half a group would be refused.
            const gone =
              next === undefined || (!isRequired(name) && isRecord(next) && !Object.keys(next).length);
            props.onChange(gone ? rest : { ...rest, [name]: next });
          }}
        />
      ))}
    </div>
  );
}
