/**
 * The shapes of the server's public API, as `openapi-typescript` writes them.
 * `npm run api` replaces this file from `../openapi.json`; nothing here is edited by hand afterwards.
 */

type Json<T> = { content: { "application/json": T } };
type Ok<T> = { headers: Record<string, unknown>; content: { "application/json": T } };
type Empty = { headers: Record<string, unknown>; content?: never };
type Failed = { headers: Record<string, unknown>; content: { "application/problem+json": components["schemas"]["Problem"] } };
type None = { query?: never; header?: never; path?: never; cookie?: never };
type Get<T, P = None> = { parameters: P; requestBody?: never; responses: { 200: Ok<T>; default: Failed } };
type Write<B, T, P = None> = {
  parameters: P;
  requestBody: Json<B>;
  responses: { 200: Ok<T>; default: Failed };
};
type Act<P = None> = { parameters: P; requestBody?: never; responses: { 204: Empty; default: Failed } };
type Page<T> = { items: T[]; next_cursor?: string | null };
type Id = { query?: never; header?: never; path: { id: string }; cookie?: never };
type Key = { query?: never; header?: { "If-Match"?: string }; path: { key: string }; cookie?: never };
type Filter<Q> = { query?: Q & { cursor?: string; limit?: number }; header?: never; path?: never; cookie?: never };
type Upload = { content: { "multipart/form-data": Record<string, unknown> } };

import type * as Types from "./types";

export interface components {
  schemas: {
    Problem: Types.Problem;
    Session: Types.Session;
    Organisation: Types.Organisation;
    Overview: Types.Overview;
    Quadrants: Types.Quadrants;
    QuadrantPoint: Types.QuadrantPoint;
    Issue: Types.Issue;
    Task: Types.Task;
    Contract: Types.Contract;
    Verification: Types.Verification;
    Article: Types.Article;
    Topic: Types.Topic;
    TopicSet: Types.TopicSet;
    Department: Types.Department;
    Detector: Types.Detector;
    Channel: Types.Channel;
    Import: Types.Import;
    ImportPreview: Types.ImportPreview;
    MailboxItem: Types.MailboxItem;
    OutboxItem: Types.OutboxItem;
    Plugin: Types.Plugin;
    User: Types.User;
    Token: Types.Token;
    FactRow: Types.FactRow;
    Facts: Types.Facts;
    Coverage: Types.Coverage;
    SimilarSolution: Types.SimilarSolution;
    Role: Types.Role;
  };
}

type S = components["schemas"];

export interface paths {
  "/api/v1/session": {
    get: Get<S["Session"]>;
    post: Write<{ email: string; password: string }, S["Session"]>;
    delete: Act;
  };
  "/api/v1/organisation": {
    get: Get<S["Organisation"]>;
    put: Write<Omit<S["Organisation"], "version">, S["Organisation"], { header?: { "If-Match"?: string } }>;
  };
  "/api/v1/overview": { get: Get<S["Overview"]> };
  "/api/v1/quadrants": { get: Get<S["Quadrants"], Filter<{ days?: number }>> };
  "/api/v1/facts": {
    get: Get<
      S["Facts"],
      Filter<{
        metric: string;
        from?: string;
        to?: string;
        topic?: string;
        channel?: string;
        class?: string;
        group_by?: string;
      }>
    >;
  };
  "/api/v1/imports": {
    get: Get<Page<S["Import"]>, Filter<object>>;
    post: { parameters: None; requestBody: Upload; responses: { 202: Ok<S["Import"]>; default: Failed } };
  };
  "/api/v1/imports/preview": {
    post: { parameters: None; requestBody: Upload; responses: { 200: Ok<S["ImportPreview"]>; default: Failed } };
  };
  "/api/v1/imports/{id}": { get: Get<S["Import"], Id> };
  "/api/v1/channels": { get: Get<Page<S["Channel"]>, Filter<object>> };
  "/api/v1/topics": { get: Get<Page<S["Topic"]>, Filter<object>> };
  "/api/v1/topics/{key}": {
    get: Get<S["Topic"], Key>;
    put: Write<Omit<S["Topic"], "version" | "state">, S["Topic"], Key>;
    delete: Act<Key>;
  };
  "/api/v1/topic-sets": { get: Get<{ items: S["TopicSet"][] }> };
  "/api/v1/topic-sets/{key}/apply": {
    post: { parameters: Key; requestBody?: never; responses: { 200: Ok<{ added: number }>; default: Failed } };
  };
  "/api/v1/coverage": { get: Get<S["Coverage"], Filter<{ days?: number }>> };
  "/api/v1/departments": { get: Get<Page<S["Department"]>, Filter<object>> };
  "/api/v1/departments/{key}": {
    get: Get<S["Department"], Key>;
    put: Write<Omit<S["Department"], "version">, S["Department"], Key>;
    delete: Act<Key>;
  };
  "/api/v1/detectors": { get: Get<Page<S["Detector"]>, Filter<object>> };
  "/api/v1/detectors/{key}": {
    get: Get<S["Detector"], Key>;
    put: Write<Omit<S["Detector"], "version">, S["Detector"], Key>;
    delete: Act<Key>;
  };
  "/api/v1/detectors/{key}/backtest": { post: Write<{ from: string; to: string }, Types.Backtest, Key> };
  "/api/v1/issues": {
    get: Get<Page<S["Issue"]>, Filter<{ state?: string; quadrant?: string; topic?: string }>>;
  };
  "/api/v1/issues/{id}": { get: Get<S["Issue"], Id> };
  "/api/v1/issues/{id}/tasks": {
    post: Write<
      {
        title: string;
        description: string;
        department: string;
        owner_email?: string | null;
        due_at?: string | null;
        measures?: string[];
        contract?: Partial<S["Contract"]> | null;
      },
      S["Task"],
      Id
    >;
  };
  "/api/v1/tasks": {
    get: Get<Page<S["Task"]>, Filter<{ state?: string; department?: string; topic?: string }>>;
  };
  "/api/v1/tasks/{id}": { get: Get<S["Task"], Id> };
  "/api/v1/tasks/{id}/accept": { post: Write<object, S["Task"], Id> };
  "/api/v1/tasks/{id}/decline": { post: Write<{ reason: string; department?: string }, S["Task"], Id> };
  "/api/v1/tasks/{id}/hand_over": { post: Write<{ department: string; reason?: string }, S["Task"], Id> };
  "/api/v1/tasks/{id}/progress": { post: Write<{ percent: number; comment?: string }, S["Task"], Id> };
  "/api/v1/tasks/{id}/complete": { post: Write<{ solution: string; effective_at?: string }, S["Task"], Id> };
  "/api/v1/tasks/{id}/reassign": {
    post: Write<{ department: string; owner_email?: string; reason: string }, S["Task"], Id>;
  };
  "/api/v1/tasks/{id}/cancel": { post: Write<{ reason: string }, S["Task"], Id> };
  "/api/v1/tasks/{id}/verification/evaluate": {
    post: { parameters: Id; requestBody?: never; responses: { 200: Ok<S["Verification"]>; default: Failed } };
  };
  "/api/v1/mailbox": { get: Get<Page<S["MailboxItem"]>, Filter<object>> };
  "/api/v1/outbox": { get: Get<Page<S["OutboxItem"]>, Filter<{ state?: string }>> };
  "/api/v1/knowledge/articles": { get: Get<Page<S["Article"]>, Filter<{ topic?: string }>> };
  "/api/v1/knowledge/articles/{id}": { get: Get<S["Article"], Id> };
  "/api/v1/knowledge/articles/{id}/publish": {
    post: { parameters: Id; requestBody?: never; responses: { 202: Empty; default: Failed } };
  };
  "/api/v1/knowledge/search": { get: Get<{ items: S["SimilarSolution"][] }, Filter<{ q: string }>> };
  "/api/v1/plugins": {
    get: Get<Page<S["Plugin"]>, Filter<object>>;
    post: { parameters: None; requestBody: Upload; responses: { 201: Ok<S["Plugin"]>; default: Failed } };
  };
  "/api/v1/plugins/{id}/grant": { put: Write<Record<string, unknown>, S["Plugin"], Id> };
  "/api/v1/users": {
    get: Get<Page<S["User"]>, Filter<object>>;
    post: Write<
      {
        email: string;
        name: string;
        role: S["Role"];
        department?: string | null;
        language: string;
        password: string;
      },
      S["User"]
    >;
  };
  "/api/v1/users/{id}": { put: Write<{ disabled?: boolean }, S["User"], Id> };
  "/api/v1/tokens": {
    get: Get<Page<S["Token"]>, Filter<object>>;
    post: Write<{ name: string; role: S["Role"]; expires_at?: string | null }, S["Token"]>;
  };
  "/api/v1/tokens/{id}": { delete: Act<Id> };
}
