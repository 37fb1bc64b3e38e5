import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { App as AntApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { useTranslation } from "react-i18next";
import "dayjs/locale/zh-cn";
import { queryClient } from "./api/hooks";
import { languageOf } from "./i18n";
import { makeRouter } from "./router";
import { theme } from "./styles/theme";
import "./styles/console.css";

const router = makeRouter();

function Console() {
  const { i18n } = useTranslation();
  const language = languageOf(i18n.language);
  dayjs.locale(language === "zh-CN" ? "zh-cn" : "en");
  return (
    <ConfigProvider
      theme={theme}
      locale={language === "zh-CN" ? zhCN : enUS}
      button={{ autoInsertSpace: false }}
    >
      <AntApp message={{ maxCount: 3 }}>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </AntApp>
    </ConfigProvider>
  );
}

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Console />
    </StrictMode>,
  );
}
