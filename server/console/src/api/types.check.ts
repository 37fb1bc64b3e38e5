/**
 * Compiles only while every field that the pages read stands in the server's document: whoever renames one there and
 * runs `npm run api` learns here what no longer fits.
 */

import type * as Newer from "./evidence";
import type { components } from "./schema";
import type * as Read from "./types";

type Schemas = components["schemas"];
/** Fields of `T` that the document does not know; `never` when there are none. */
type Unknown<T, D, N = never> = Exclude<keyof T, keyof D | keyof N>;
type Check<T extends never> = T;

export type Checks = [
  Check<Unknown<Read.Problem, Schemas["Problem"]>>,
  Check<Unknown<Read.Session, Schemas["Session"]>>,
  Check<Unknown<Read.Session["user"], Schemas["SessionUser"]>>,
  Check<Unknown<Read.Organisation, Schemas["Organisation"], Newer.MoreOrganisation>>,
  Check<Unknown<Read.Overview, Schemas["Overview"]>>,
  Check<Unknown<Read.Quadrants, Schemas["Quadrants"], Newer.MoreQuadrants>>,
  Check<Unknown<Read.QuadrantPoint, Schemas["QuadrantPoint"], Newer.MorePoint>>,
  Check<Unknown<Read.FactRow, Schemas["FactRow"]>>,
  Check<Unknown<Read.Channel, Schemas["Channel"]>>,
  Check<Unknown<Read.ImportPreview, Schemas["ImportPreview"]>>,
  Check<Unknown<Read.ImportColumn, Schemas["ColumnView"]>>,
  Check<Unknown<Read.Import, Schemas["Import"]>>,
  Check<Unknown<Read.Topic, Schemas["Topic"]>>,
  Check<Unknown<Read.TopicSet, Schemas["TopicSet"]>>,
  Check<Unknown<Read.Coverage, Schemas["Coverage"]>>,
  Check<Unknown<Read.CoverageWord, Schemas["TellingWord"]>>,
  Check<Unknown<Read.Department, Schemas["Department"]>>,
  Check<Unknown<Read.Owner, Schemas["Owner"]>>,
  Check<Unknown<Read.Detector, Schemas["Detector"], { mute: never; activity: never }>>,
  Check<Unknown<Read.Backtest, Schemas["Backtest"], Newer.Backtest>>,
  Check<Unknown<Read.LoopEvent, Schemas["Event"]>>,
  Check<Unknown<Read.LoopEvent["actor"], Schemas["EventActor"]>>,
  Check<Unknown<Read.EvidenceCard, Schemas["Evidence"]>>,
  Check<Unknown<Read.SimilarSolution, Schemas["Solution"]>>,
  Check<Unknown<Read.Issue, Schemas["Issue"], Newer.MoreIssue>>,
  Check<Unknown<Read.Issue["frequency"], Schemas["Frequency"], Newer.MoreFrequency>>,
  Check<Unknown<Read.Issue["impact"], Schemas["Impact"], Newer.MoreImpact>>,
  Check<Unknown<Read.Issue["tasks"][number], Schemas["IssueTask"]>>,
  Check<Unknown<Read.Quote, Schemas["EvidenceVoice"]>>,
  Check<Unknown<Read.Signal, Schemas["Signal"]>>,
  Check<Unknown<Read.Task, Schemas["Task"]>>,
  Check<Unknown<NonNullable<Read.Task["mail"]>, Schemas["TaskMail"]>>,
  Check<Unknown<Read.Contract, Schemas["Contract"], Newer.MoreContract>>,
  Check<Unknown<Read.Verification, Schemas["Verification"], Newer.MoreVerification>>,
  Check<Unknown<Read.Side, Schemas["Side"]>>,
  Check<Unknown<Read.Naive, Schemas["Naive"]>>,
  Check<Unknown<Read.Method, Schemas["Method"], Newer.MoreMethod>>,
  Check<Unknown<Read.Missing, Schemas["Missing"]>>,
  Check<Unknown<Read.Guard, Schemas["Guard"]>>,
  Check<Unknown<Read.Article, Schemas["Article"]>>,
  Check<Unknown<Read.MailboxItem, Schemas["MailboxItem"]>>,
  Check<Unknown<Read.OutboxItem, Schemas["OutboxItem"]>>,
  Check<Unknown<Read.Plugin, Schemas["Plugin"]>>,
  Check<Unknown<Read.User, Schemas["User"]>>,
  Check<Unknown<Read.Token, Schemas["Token"]>>,
];
