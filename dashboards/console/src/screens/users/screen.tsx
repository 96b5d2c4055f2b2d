import { useState } from "react";
import { Form, Input, Modal, Select, Space, Typography } from "antd";
import { useQuery } from "@tanstack/react-query";
import { api, dataOf } from "../../api/client";
import { usersQuery } from "../../api/queries";
import type { Role, User, UserCreated } from "../../api/shapes";
import { useWords } from "../../i18n";
import { ActButton, HoldButton, useAct } from "../../parts/act";
import { DataTable, type Column } from "../../parts/data-table";
import { Empty, Loaded } from "../../parts/states";

const ROLES: Role[] = ["security", "gate", "facilities", "installer", "admin"];

export default function Users() {
  const { t } = useWords();
  const query = useQuery(usersQuery);
  const [created, setCreated] = useState<UserCreated | null>(null);
  const columns = useUserColumns(setCreated);
  return (
    <div className="screen">
      <div className="bar">
        <h1>{t("menu.users")}</h1>
        <NewUser onCreated={setCreated} />
      </div>
      <Loaded query={query}>
        {(users) => <DataTable<User> rows={users} columns={columns} rowKey={(user) => user.username} rowClass={(user) => (user.disabled ? "stale" : "")} empty={<Empty>{t("users.none")}</Empty>} />}
      </Loaded>
      <Modal title={created?.user.name} open={created !== null} onCancel={() => setCreated(null)} footer={null}>
        <p>{t("users.password_once")}</p>
        <Typography.Text code copyable className="token">{created?.password ?? ""}</Typography.Text>
      </Modal>
    </div>
  );
}

function useUserColumns(onPassword: (created: UserCreated) => void): Column<User>[] {
  const { t } = useWords();
  const comma = t("list.comma");
  return [
    { title: t("sign_in.username"), width: 160, ellipsis: true, dataIndex: "username" },
    { title: t("people.name"), width: 180, ellipsis: true, dataIndex: "name" },
    { title: t("users.roles"), width: 300, ellipsis: true, render: (_, user) => user.roles.map((role) => t(`role.${role}`)).join(comma) },
    { title: t("word.state"), width: 100, render: (_, user) => t(user.disabled ? "users.disabled" : "users.enabled") },
    { title: "", width: 300, render: (_, user) => <UserActions user={user} onPassword={onPassword} /> },
  ];
}

function UserActions({ user, onPassword }: { user: User; onPassword: (created: UserCreated) => void }) {
  const { t } = useWords();
  const edit = useAct((body: { disabled?: boolean; new_password: boolean }) => ({
    call: () => dataOf(api.PUT("/api/users/{username}", { params: { path: { username: user.username } }, body })),
    refresh: [["users"]],
    done: (answer) => answer.password && onPassword(answer),
  }));
  return (
    <Space size={4}>
      <ActButton size="small" onClick={() => edit.mutate({ new_password: true })}>{t("users.new_password")}</ActButton>
      {user.disabled ? (
        <ActButton size="small" onClick={() => edit.mutate({ disabled: false, new_password: false })}>{t("users.enable")}</ActButton>
      ) : (
        <HoldButton size="small" onHold={() => edit.mutate({ disabled: true, new_password: false })}>{t("users.disable")}</HoldButton>
      )}
    </Space>
  );
}

interface NewUserFields {
  username: string;
  name: string;
  roles: Role[];
}

function NewUser({ onCreated }: { onCreated: (created: UserCreated) => void }) {
  const { t } = useWords();
  const [shown, setShown] = useState(false);
  const create = useAct((fields: NewUserFields) => ({
    call: () => dataOf(api.POST("/api/users", { body: { ...fields, language: "zh-CN" } })),
    refresh: [["users"]],
    done: (created) => {
      setShown(false);
      onCreated(created);
    },
  }));
  const needed = [{ required: true, message: t("form.needed") }];
  return (
    <>
      <ActButton onClick={() => setShown(true)}>{t("users.new")}</ActButton>
      <Modal title={t("users.new")} open={shown} onCancel={() => setShown(false)} footer={null} destroyOnHidden>
        <Form<NewUserFields> layout="vertical" onFinish={(fields) => create.mutate(fields)}>
          <Form.Item name="username" label={t("sign_in.username")} rules={[...needed, { pattern: /^[a-z0-9][a-z0-9._-]{0,39}$/, message: t("users.username_form") }]}><Input /></Form.Item>
          <Form.Item name="name" label={t("people.name")} rules={needed}><Input maxLength={80} /></Form.Item>
          <Form.Item name="roles" label={t("users.roles")} rules={needed}><Select mode="multiple" options={ROLES.map((role) => ({ value: role, label: t(`role.${role}`) }))} /></Form.Item>
          <ActButton type="primary" htmlType="submit" loading={create.isPending}>{t("users.new")}</ActButton>
        </Form>
      </Modal>
    </>
  );
}
